/* client_server.c - the connection to the private server: for a session, or for a CancelRequest. */
#include <string.h>

#include "base/error.h"
#include "local/client.h"
#include "wire/backend.h"

static void refuse_unavailable(struct client *c, const char *reason) {
  client_refuse(c, "57P03", "unable to accept connection, server unavailable", NULL, reason);
}

static void on_connected(uv_connect_t *request, int status) {
  struct client *c = request->data;

  if (c->phase == CLIENT_CLOSED || c->phase == CLIENT_LAST) return;
  if (status) {
    if (c->phase == CLIENT_SERVER)
      refuse_unavailable(c, uv_strerror(status));
    else
      client_close(c);
    return;
  }
  c->server.open = true;
  if (c->phase == CLIENT_SERVER)
    buf_put(&c->server.queued, c->startup.forward.data, c->startup.forward.len);
  else
    buf_put(&c->server.queued, c->in.data, c->in.len);
  flow_flush(&c->server);
  flow_read(&c->server, true);
}

void client_dial(struct client *c) {
  c->phase = c->startup_parsed ? CLIENT_SERVER : CLIENT_CANCEL;
  uv_pipe_init(c->front->loop, &c->server.uv.pipe, 0);
  c->server.uv.handle.data = c;
  c->handles++;
  c->connect.data = c;
  uv_pipe_connect(&c->connect, &c->server.uv.pipe, c->front->server_socket, on_connected);
}

/* The private server refuses when its slots are used up, while it starts or stops, or for a setting's value. */
static void refused_by_server(struct client *c, const struct wire_frame *error) {
  dsql_str sqlstate = error_body_field(error->body, error->len, 'C');
  dsql_str message = error_body_field(error->body, error->len, 'M');

  if (sqlstate.len == 5 && memcmp(sqlstate.ptr, "53300", 5) == 0) {
    client_refuse(c, "53300", "Unable to accept connection, too many open connections.", NULL,
                  "the private server has no more slots");
    return;
  }
  client_log(c, "refused", message.ptr);
  client_send(c, error->body - WIRE_HEADER_SIZE, error->total);
  client_finish(c, true);
}

static void on_authentication(struct client *c, const struct wire_frame *frame) {
  struct wire_authentication auth;

  if (frame->type == WIRE_ERROR_RESPONSE && wire_check_error(frame->body, frame->len) == 0)
    refused_by_server(c, frame);
  else if (frame->type == WIRE_AUTHENTICATION && wire_decode_authentication(frame->body, frame->len, &auth) == 0 &&
           auth.code == WIRE_AUTH_OK)
    client_relay_begin(c);
  else
    refuse_unavailable(c, "the private server asks for a password");
}

/* The first message of the private server. The rest is the relay's. */
void client_server_bytes(struct client *c) {
  struct wire_frame frame;
  int cut = wire_frame_cut(c->from_server.data, c->from_server.len, WIRE_MESSAGE_MAX, &frame);

  if (cut > 0)
    on_authentication(c, &frame);
  else if (cut < 0)
    refuse_unavailable(c, "the private server speaks another protocol");
}
