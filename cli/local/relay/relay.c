#include "relay.h"

#include <string.h>

#include "internal.h"

void relay_world_init(struct relay_world *w, uint64_t seed) {
  w->catalog = 0;
  faults_init(&w->faults, seed);
}

struct relay_options relay_options_default(void) {
  return (struct relay_options){RELAY_TX_AGE_LIMIT_MS, RELAY_MESSAGE_MAX, RELAY_HIGH_WATER, false};
}

/* A buffer passes its mark by one message at most, and by what is put in its place. */
void relay_buf_init(const struct relay *r, struct buf *b) { buf_init(b, r->alloc, SIZE_MAX / 2); }

void relay_init(struct relay *r, const dsql_alloc *alloc, struct relay_world *world, const struct relay_options *o) {
  memset(r, 0, sizeof *r);
  r->alloc = alloc;
  r->world = world;
  r->options = *o;
  r->catalog_seen = world->catalog;
  r->starting = true;
  r->tx_status = 'I';
  relay_buf_init(r, &r->to_server);
  relay_buf_init(r, &r->to_client);
  relay_buf_init(r, &r->client_part);
  relay_buf_init(r, &r->server_part);
}

void relay_deinit(struct relay *r) {
  queue_free(r);
  names_clear(&r->statements, r->alloc);
  names_clear(&r->portals, r->alloc);
  buf_deinit(&r->to_server);
  buf_deinit(&r->to_client);
  buf_deinit(&r->client_part);
  buf_deinit(&r->server_part);
}

void relay_shut(struct relay *r, const char *why) {
  if (r->close) return;
  r->close = true;
  r->why = why;
}

bool relay_idle(const struct relay *r) {
  return !r->starting && !r->close && !r->block && r->queue.count == 0 && r->client_part.len == 0 && !r->client_stream;
}

uint64_t relay_wake_ms(const struct relay *r) {
  return r->close || !r->stall_until_ms ? UINT64_MAX : r->stall_until_ms;
}

/* ---- messages out of bytes ---- */

struct input {
  const uint8_t *p;
  size_t n, used;
};

static size_t left(const struct input *in) { return in->n - in->used; }

/* Moves up to `want` bytes in all into the part; true when it has so many. */
static bool fill(struct buf *part, struct input *in, size_t want) {
  size_t n = want > part->len ? want - part->len : 0;
  if (n > left(in)) n = left(in);
  buf_put(part, in->p + in->used, n);
  if (buf_ok(part)) in->used += n;
  return buf_ok(part) && part->len >= want;
}

/* The next message's header, in place or in the part. False: not there yet. */
static bool peek_header(struct buf *part, struct input *in, const uint8_t **header) {
  if (part->len == 0 && left(in) >= WIRE_HEADER_SIZE) {
    *header = in->p + in->used;
    return true;
  }
  if (part->len < WIRE_HEADER_SIZE && !fill(part, in, WIRE_HEADER_SIZE)) return false;
  *header = part->data;
  return true;
}

/* The whole message of `total` bytes, in place or in the part. False: not there yet. */
static bool peek_message(struct buf *part, struct input *in, size_t total, struct wire_frame *m) {
  const uint8_t *p;
  if (part->len == 0 && left(in) >= total) {
    p = in->p + in->used;
  } else {
    if (!fill(part, in, total)) return false;
    p = part->data;
  }
  *m = (struct wire_frame){p[0], p + WIRE_HEADER_SIZE, total - WIRE_HEADER_SIZE, total};
  return true;
}

/* Takes the message, or its header, that was peeked at. */
static void take(struct buf *part, struct input *in, size_t n) {
  if (part->len == 0) {
    in->used += n;
  } else {
    buf_consume(part, n);
    buf_trim(part);
  }
}

/* Passes what is there of a message that streams; true when it is done. */
static bool stream(struct input *in, size_t *rest, struct buf *out) {
  size_t n = *rest < left(in) ? *rest : left(in);
  if (out) buf_put(out, in->p + in->used, n);
  in->used += n;
  *rest -= n;
  return *rest == 0;
}

/* The length that a header claims, type byte included; 0: not one of the protocol, or over the limit. */
static size_t total_of(const uint8_t *header, size_t max) {
  uint32_t length = load_be32(header + 1);
  if (length < 4 || length > INT32_MAX || (size_t)length + 1 > max) return 0;
  return (size_t)length + 1;
}

static size_t done(struct relay *r, const struct input *in) {
  if (!buf_ok(&r->to_server) || !buf_ok(&r->to_client) || !buf_ok(&r->client_part) || !buf_ok(&r->server_part))
    relay_shut(r, "out of memory");
  return in->used;
}

/* ---- from the client ---- */

static void consumed(struct relay *r) {
  memset(r->rolled, 0, sizeof r->rolled);
  r->flushed = false;
  r->stall_until_ms = 0;
}

/* True: something was taken, go on. */
static bool client_step(struct relay *r, struct input *in, uint64_t now_ms) {
  size_t max = r->options.message_max ? r->options.message_max : WIRE_MESSAGE_MAX, total;
  const uint8_t *header;
  struct wire_frame m;
  if (r->client_stream) return stream(in, &r->client_stream, r->client_drop ? NULL : &r->to_server);
  if (!peek_header(&r->client_part, in, &header)) return false;
  total = total_of(header, max);
  if (!total) {
    relay_shut(r, "the client's message is longer than the limit, or no message");
    return false;
  }
  if (header[0] == WIRE_COPY_DATA) {
    r->client_drop = r->discarding;
    if (!r->client_drop) buf_put(&r->to_server, header, WIRE_HEADER_SIZE);
    r->client_stream = total - WIRE_HEADER_SIZE;
    take(&r->client_part, in, WIRE_HEADER_SIZE);
    return true;
  }
  if (!peek_message(&r->client_part, in, total, &m)) return false;
  if (!relay_on_client(r, &m, now_ms)) return false;
  take(&r->client_part, in, total);
  consumed(r);
  return true;
}

size_t relay_client_bytes(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms) {
  struct input in = {p, n, 0};
  while (!r->close && !r->starting && now_ms >= r->stall_until_ms && buf_ok(&r->to_server) && buf_ok(&r->client_part) &&
         r->to_server.len < r->options.high_water)
    if (!client_step(r, &in, now_ms)) break;
  return done(r, &in);
}

/* ---- from the server ---- */

static bool is_whole(uint8_t type) {
  return type == WIRE_COMMAND_COMPLETE || type == WIRE_ERROR_RESPONSE || type == WIRE_READY_FOR_QUERY;
}

static bool server_step(struct relay *r, struct input *in, uint64_t now_ms) {
  const uint8_t *header;
  struct wire_frame m;
  size_t total;
  if (r->server_stream) return stream(in, &r->server_stream, r->server_drop ? NULL : &r->to_client);
  if (!peek_header(&r->server_part, in, &header)) return false;
  total = total_of(header, is_whole(header[0]) ? (size_t)RELAY_WHOLE_MAX : SIZE_MAX);
  if (!total || !wire_type_known(header[0])) {
    relay_shut(r, "the server sent bytes that are no message");
    return false;
  }
  if (!is_whole(header[0])) {
    r->server_drop = !relay_on_server_header(r, header[0]);
    if (!r->server_drop) buf_put(&r->to_client, header, WIRE_HEADER_SIZE);
    r->server_stream = total - WIRE_HEADER_SIZE;
    take(&r->server_part, in, WIRE_HEADER_SIZE);
    return true;
  }
  if (!peek_message(&r->server_part, in, total, &m)) return false;
  relay_on_server(r, &m, now_ms);
  if (m.type == WIRE_READY_FOR_QUERY) r->starting = false;
  take(&r->server_part, in, total);
  return true;
}

size_t relay_server_bytes(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms) {
  struct input in = {p, n, 0};
  while (!r->close && buf_ok(&r->to_client) && buf_ok(&r->server_part) && r->to_client.len < r->options.high_water)
    if (!server_step(r, &in, now_ms)) break;
  return done(r, &in);
}
