"""pika at the runtime's safety: confirmed, persistent, mandatory. A BlockingConnection waits for each confirm, it has no window.

python bench/rivals/pika_producer.py AMQP_URL EXCHANGE INPUT
"""
import sys

import pika

url, exchange, path = sys.argv[1:4]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
offset = 0
with open(path, "rb") as lines:
    for line in lines:
        properties = pika.BasicProperties(delivery_mode=2, message_id=f"file:{offset}")
        channel.basic_publish(exchange, "", line.rstrip(b"\n"), properties, mandatory=True)
        offset += len(line)
connection.close()
