"""The way back: writes and calls that come by MQTT, carried out as an OPC UA client's would be.

A command is done by a user of the gateway's user store, with that user's roles and through the checks, the audit and
the verified write of the endpoint's own Write and Call services (Part 4 v1.05 5.11.4 and 5.12.2).
docs/reference/commands.md tells what may be sent and what is answered; docs/decisions/0017-to-the-cloud.md why.
"""
