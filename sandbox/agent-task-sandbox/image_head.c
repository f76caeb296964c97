/* Tells programs, scripts and text apart, as the kernel does. */
#include "sandbox/agent-task-sandbox/image_head.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#ifdef __aarch64__
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_X86_64
#endif

static bool is_native(const union image_head *head, size_t size)
{
    Elf64_Ehdr elf;

    if (size < sizeof(elf))
        return false;
    memcpy(&elf, head->bytes, sizeof(elf));
    return memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 && elf.e_ident[EI_CLASS] == ELFCLASS64 &&
           elf.e_machine == MACHINE;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Cuts the name out of the first line. What was not read is zero for the kernel, and ends it. */
static bool find_interpreter(const union image_head *head, size_t size, struct image_script *script)
{
    const char *bytes = head->bytes;
    size_t start = 2;
    size_t end;

    if (size < 2 || bytes[0] != '#' || bytes[1] != '!')
        return false;
    while (start < size && is_blank(bytes[start]))
        start++;
    end = start;
    while (end < size && !is_blank(bytes[end]) && bytes[end] != '\n' && bytes[end] != '\0')
        end++;
    if (end == start || end == IMAGE_HEAD_SIZE)
        return false;
    memcpy(script->interpreter, bytes + start, end - start);
    script->interpreter[end - start] = '\0';
    return true;
}

enum image_kind image_head_read(const union image_head *head, size_t size,
                                struct image_script *script)
{
    if (size == 0)
        return IMAGE_EMPTY;
    if (is_native(head, size))
        return IMAGE_NATIVE;
    if (find_interpreter(head, size, script))
        return IMAGE_SCRIPT;
    return memchr(head->bytes, '\0', size) == NULL ? IMAGE_TEXT : IMAGE_OTHER;
}
