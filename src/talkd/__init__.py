"""talkd: a conversation server that speaks the public API of the Nextcloud Talk apps."""

__version__ = "0.1.0"
