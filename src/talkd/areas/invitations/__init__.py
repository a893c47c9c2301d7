"""Invitations by e-mail: personal tokens, lists of addresses, and sending invitations again.

`Participant.can_see_addresses` decides who may see an invited address. Adding one address is part of `areas/rooms`;
`effects.py` writes the mail.
"""
