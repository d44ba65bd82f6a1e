/*
 * The broker's limit for publishing, as a C client finds it: persistent, mandatory, confirmed in a window of 1000.
 *
 *   publish AMQP_URL EXCHANGE LINES [INPUT]     the lines of a file, else LINES bodies of 99 bytes
 *
 * Says `ready`, then `done` once the last confirm is there.
 */
#include <sys/time.h>

#include "connect.h"

#define WINDOW 1000

static unsigned long sent = 0, confirmed = 0;

/* Takes one confirm; waits for it if told to. Confirms come in order, and may speak for all before them. */
static int take_confirm(amqp_connection_state_t connection, int wait) {
  amqp_frame_t frame;
  struct timeval none = {0, 0};
  int status = amqp_simple_wait_frame_noblock(connection, &frame, wait ? NULL : &none);
  if (status == AMQP_STATUS_TIMEOUT) return 0;
  if (status != AMQP_STATUS_OK) fail("waiting for a confirm");
  if (frame.frame_type != AMQP_FRAME_METHOD) return 1;
  if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) fail("a confirm: the broker answered otherwise");
  amqp_basic_ack_t *ack = frame.payload.method.decoded;
  confirmed = ack->multiple ? ack->delivery_tag : confirmed + 1;
  amqp_maybe_release_buffers(connection);
  return 1;
}

static void publish(amqp_connection_state_t connection, amqp_bytes_t exchange, amqp_bytes_t body) {
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties.message_id = amqp_cstring_bytes("file:1234567");
  while (sent - confirmed >= WINDOW) take_confirm(connection, 1);
  if (amqp_basic_publish(connection, 1, exchange, amqp_empty_bytes, 1, 0, &properties, body) != AMQP_STATUS_OK)
    fail("publishing");
  sent++;
  if (sent % 16 == 0)
    while (take_confirm(connection, 0)) {
    }
}

int main(int argc, char **argv) {
  if (argc < 4) fail("reading the arguments");
  amqp_connection_state_t connection = open_channel(argv[1]);
  amqp_confirm_select(connection, 1);
  expect(amqp_get_rpc_reply(connection), "asking for confirms");
  amqp_bytes_t exchange = amqp_cstring_bytes(argv[2]);
  unsigned long lines = strtoul(argv[3], NULL, 10);
  FILE *input = argc > 4 ? fopen(argv[4], "r") : NULL;
  if (argc > 4 && !input) fail("opening the input");
  printf("ready\n");
  fflush(stdout);
  if (input) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, input)) > 0) {
      amqp_bytes_t body = {(size_t)length - (line[length - 1] == '\n'), line};
      publish(connection, exchange, body);
    }
  } else {
    char text[99];
    memset(text, '.', sizeof text);
    amqp_bytes_t body = {sizeof text, text};
    while (sent < lines) publish(connection, exchange, body);
  }
  while (confirmed < sent) take_confirm(connection, 1);
  printf("done\n");
  fflush(stdout);
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  return 0;
}
