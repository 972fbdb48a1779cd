"""
A small device on paho-mqtt, to be tested: paho-device.py HOST PORT CA TRUST [CRL]. TRUST is how it looks at its server:
verified, revocation (with the list CRL), any-name, any-certificate.
"""
import ssl
import sys

import paho.mqtt.client as mqtt

host, port, authority, trust = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
try:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="paho-device")  # paho 2
except AttributeError:
    client = mqtt.Client(client_id="paho-device")  # paho 1
context = ssl.create_default_context(cafile=authority)
if trust == "revocation":
    context.load_verify_locations(cafile=sys.argv[5])
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
if trust in ("any-name", "any-certificate"):
    context.check_hostname = False
if trust == "any-certificate":
    context.verify_mode = ssl.CERT_NONE
client.tls_set_context(context)
client.tls_insecure_set(not context.check_hostname)
client.on_connect = lambda client, *rest: client.publish("x", "y", qos=1)
client.on_publish = lambda client, *rest: client.disconnect()
try:
    client.connect(host, port)
except (OSError, ValueError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
client.loop_forever()
