"""The telephone bridge and the phone numbers of accounts."""
