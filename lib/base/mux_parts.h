/* What the parts of mux.h have in common; nobody else needs it. */
#ifndef BASE_MUX_PARTS_H
#define BASE_MUX_PARTS_H

#include "lib/base/mux.h"

/* mux_output.c: what goes to the other side. */
/* Room for a frame with a payload of up to SIZE bytes: where the payload goes, or NULL. */
char *mux_output_reserve(struct mux *mux, size_t size);
/* Makes what was reserved a frame: HEADER has its size. */
void mux_output_commit(struct mux *mux, const struct mux_header *header);
/* A whole frame of TYPE. False when there is no room: later. */
bool mux_output_put(struct mux *mux, enum mux_type type, const struct mux_connection *connection,
                    const void *payload, uint32_t size);
size_t mux_output_room(const struct mux *mux);
/* Writes what can be written. 0 or -errno. */
int mux_output_write(struct mux *mux);

/* mux_connection.c: one descriptor. */
/* Begins a connection of SERVICE with FD (taken; -1: it is closed at once) in a free place. */
void mux_connection_begin(struct mux_connection *connection, unsigned int service, int fd);
/* SIZE bytes came for it. 0, or -EPROTO when they are more than may come. */
int mux_connection_take(struct mux_connection *connection, const char *data, uint32_t size,
                        struct error *err);
/* The other side says no more; it has closed it. */
void mux_connection_end(struct mux_connection *connection);
void mux_connection_lose(struct mux_connection *connection);
/* Says what is due, and reads what nothing reports any more. */
void mux_connection_turn(struct mux_connection *connection);
/* Has the loop wait for what CONNECTION can do now. */
void mux_connection_watch(struct mux_connection *connection);
/* Nobody takes what is pending; it is dropped when its time is over. The next such time, 0: none.
 */
uint64_t mux_connection_linger(struct mux_connection *connection, uint64_t now_ns);
/* Closes the descriptor and forgets all of it, whatever the other side thinks. */
void mux_connection_drop(struct mux_connection *connection);

/* mux.c: a place is free again. */
void mux_count_down(struct mux *mux, unsigned int service);
/* Something waits for mux_connection_linger. */
void mux_linger(struct mux *mux, uint64_t until_ns);

#endif
