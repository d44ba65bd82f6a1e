"""pika at the runtime's safety: prefetch 1000; up to 100 deliveries are one write, one fdatasync, one ack. Runs until it is killed.

python bench/rivals/pika_consumer.py AMQP_URL QUEUE OUTPUT
"""
import os
import signal
import sys

import pika

url, queue, path = sys.argv[1:4]
running = True


def stop(_signal, _frame):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=1000)
group = []


def flush(tag):
    os.write(output, b"".join(group))
    os.fdatasync(output)
    channel.basic_ack(tag, multiple=True)
    group.clear()


output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
print("ready", flush=True)
last = None
for method, _properties, body in channel.consume(queue, inactivity_timeout=0.005):
    if method is not None:
        group.append(body + b"\n")
        last = method.delivery_tag
    if group and (method is None or len(group) >= 100):
        flush(last)
    if not running:
        break
connection.close()
