/*
 * The broker's limit for consuming, as a C client finds it: prefetch 1000, one ack for each 100 and for what is left.
 *
 *   consume AMQP_URL QUEUE LINES [OUTPUT]     without OUTPUT nothing is written; with it lines are written before their ack, and not synced
 *
 * Says `ready`, `first` with the first delivery and `done` with that of number LINES; goes on until it is killed if LINES is 0.
 */
#include <sys/time.h>

#include "connect.h"

#define PREFETCH 1000
#define ACK_EACH 100

int main(int argc, char **argv) {
  if (argc < 4) fail("reading the arguments");
  amqp_connection_state_t connection = open_channel(argv[1]);
  unsigned long lines = strtoul(argv[3], NULL, 10);
  FILE *output = argc > 4 ? fopen(argv[4], "a") : NULL;
  if (argc > 4 && !output) fail("opening the output");
  amqp_basic_qos(connection, 1, 0, PREFETCH, 0);
  expect(amqp_get_rpc_reply(connection), "the prefetch");
  printf("ready\n");
  fflush(stdout);
  amqp_basic_consume(connection, 1, amqp_cstring_bytes(argv[2]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  expect(amqp_get_rpc_reply(connection), "consuming");
  unsigned long taken = 0, acked = 0;
  uint64_t last = 0;
  for (;;) {
    struct timeval patience = {0, 1000};
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(connection);
    amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &patience, 0);
    int idle = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT;
    if (!idle) {
      expect(reply, "waiting for a delivery");
      if (taken++ == 0) {
        printf("first\n");
        fflush(stdout);
      }
      last = envelope.delivery_tag;
      if (output) {
        fwrite(envelope.message.body.bytes, 1, envelope.message.body.len, output);
        fputc('\n', output);
      }
      amqp_destroy_envelope(&envelope);
    }
    if (taken > acked && (idle || taken - acked >= ACK_EACH || taken == lines)) {
      if (output) fflush(output);
      if (amqp_basic_ack(connection, 1, last, 1) != AMQP_STATUS_OK) fail("an ack");
      acked = taken;
    }
    if (lines > 0 && taken >= lines) break;
  }
  printf("done\n");
  fflush(stdout);
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  return 0;
}
