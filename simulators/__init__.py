"""The outside services as real HTTP servers, for the demo, the tests and load; no other app imports this one.

`server` speaks HTTP and hands calls to a service (`services/`, one file each, named in one table). `service` is what
all of them share, `payments` what the gateways share; `faults` and `callbacks` are what can go wrong; `control` is
the way to switch it on and to read what happened. Nothing but the command knows Django.
"""
