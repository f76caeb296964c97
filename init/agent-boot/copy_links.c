/* Finds the names that one file has in a copied tree. */
#include "init/agent-boot/copy_links.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>

#define compare(a, b) ((a) < (b) ? -1 : (a) > (b))

static int compare_files(const void *left, const void *right)
{
    const struct copy_link *a = left;
    const struct copy_link *b = right;
    if (a->inode != b->inode)
        return compare(a->inode, b->inode);
    if (a->device != b->device)
        return compare(a->device, b->device);
    return compare((uintptr_t)a->directory->top, (uintptr_t)b->directory->top);
}

int copy_links_add(struct copy_links *links, struct copy_directory *directory, const char *name,
                   const struct stat *status)
{
    struct copy_link *link = malloc(sizeof(*link));
    if (link == NULL)
        return -ENOMEM;
    *link = (struct copy_link){
        .directory = directory,
        .name = name,
        .device = status->st_dev,
        .inode = status->st_ino,
    };
    struct copy_link *const *found = tsearch(link, &links->index, compare_files);
    if (found == NULL) {
        free(link);
        return -ENOMEM;
    }
    link->next = links->list;
    links->list = link;
    directory->is_held = true;
    if (*found == link)
        return 1;
    link->first = *found;
    return 0;
}

static void keep_link(void *link)
{
    (void)link;
}

void copy_links_free(struct copy_links *links)
{
    tdestroy(links->index, keep_link);
    while (links->list != NULL) {
        struct copy_link *next = links->list->next;
        free(links->list);
        links->list = next;
    }
    links->index = NULL;
}
