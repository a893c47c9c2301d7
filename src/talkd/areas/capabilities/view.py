"""The blocks of the capabilities, and `status.php`."""

from typing import Any

from talkd.areas.capabilities.model import (
    LOCAL_CONFIG,
    LOCAL_FEATURES,
    MAX_GIF_SIZE,
    NOTIFICATIONS,
    REACTIONS,
    SESSION_PING_LIMIT,
    Optional,
    Viewer,
    list_features,
)
from talkd.areas.files.model import (
    FORBIDDEN_CHARACTERS,
    FORBIDDEN_ENDS,
    FORBIDDEN_NAMES,
    PARALLEL_PIECES,
    PIECE_SIZE,
)
from talkd.config_groups import IdentityConfig, SecurityConfig
from talkd.core import colors
from talkd.core.constants import MAX_DESCRIPTION_LENGTH, MAX_MESSAGE_LENGTH

Block = dict[str, Any]


def status(identity: IdentityConfig) -> Block:
    """Return the content of `status.php`, which apps read before they log in."""
    return {
        "installed": True,
        "maintenance": False,
        "needsDbUpgrade": False,
        "version": identity.version,
        "versionstring": _short(identity.version),
        "edition": "",
        "productname": identity.product_name,
        "extendedSupport": False,
    }


def version(identity: IdentityConfig) -> Block:
    """Return the version of the server and its parts."""
    major, minor, micro = ([int(part) for part in identity.version.split(".") if part.isdigit()] + [0, 0, 0])[:3]
    return {
        "major": major,
        "minor": minor,
        "micro": micro,
        "string": _short(identity.version),
        "edition": "",
        "extendedSupport": False,
    }


def core(viewer: Viewer) -> Block:
    """Return the block of the server itself. `reference-api` is off because talkd makes no link previews."""
    return {
        "pollinterval": 60,
        "webdav-root": "remote.php/webdav",
        "reference-api": False,
        "reference-regex": "",
        "mod-rewrite-working": True,
        "user": {"language": viewer.language or "en", "locale": viewer.locale, "timezone": viewer.timezone},
    }


def dav() -> Block:
    """Return the block of WebDAV: files may be sent in pieces."""
    return {"chunking": "1.0"}


def files_sharing() -> Block:
    """Return how files are shared: in rooms only, not by public links or with single users."""
    return {
        "api_enabled": True,
        "public": {"enabled": False},
        "resharing": False,
        "user": {"send_mail": False, "expire_date": {"enabled": False}},
        "group_sharing": False,
        "default_permissions": 1,
        "federation": {"outgoing": False, "incoming": False},
        "sharee": {"query_lookup_default": False, "always_show_unique": False},
    }


def files() -> Block:
    """Return the block of files: how they are sent in pieces, and which names they may not have."""
    return {
        "bigfilechunking": True,
        "chunked_upload": {"max_size": PIECE_SIZE, "max_parallel_count": PARALLEL_PIECES},
        "forbidden_filename_characters": list(FORBIDDEN_CHARACTERS),
        "forbidden_filenames": list(FORBIDDEN_NAMES),
        "forbidden_filename_basenames": [],
        "forbidden_filename_extensions": list(FORBIDDEN_ENDS),
        "blacklisted_files": list(FORBIDDEN_NAMES),
    }


def spreed(
    viewer: Viewer,
    *,
    identity: IdentityConfig,
    calls_enabled: bool,
    breakout_rooms: bool,
    max_call_duration: int,
    optional: Optional,
    recording_consent: int,
    force_passwords: bool,
    token_key: str,
) -> Block:
    """Return the block of Talk. Every group of `config` is an object, even if it is empty: apps read them as maps."""
    return {
        "features": list_features(identity.announced_apis, optional),
        "features-local": list(LOCAL_FEATURES),
        "config": {
            "attachments": _attachments(viewer.attachment_folder),
            "call": {
                "enabled": calls_enabled,
                "breakout-rooms": breakout_rooms,
                "recording": optional.recording,
                "recording-consent": recording_consent,
                "supported-reactions": list(REACTIONS),
                "can-upload-background": False,
                "sip-enabled": optional.dial_in,
                "sip-dialout-enabled": viewer.may_dial_out,
                "can-enable-sip": viewer.may_enable_dial_in,
                "start-without-media": viewer.starts_without_media,
                "max-duration": max_call_duration,
                "blur-virtual-background": viewer.blurs_background,
                "end-to-end-encryption": False,
                "predefined-backgrounds": [],
            },
            "chat": {
                "max-length": MAX_MESSAGE_LENGTH,
                "read-privacy": viewer.read_privacy,
                "has-translation-providers": False,
                "has-translation-task-providers": False,
                "typing-privacy": viewer.typing_privacy,
                "summary-threshold": 100,
            },
            "conversations": {
                "can-create": viewer.may_create,
                "force-passwords": force_passwords,
                "list-style": viewer.list_style,
                "description-length": MAX_DESCRIPTION_LENGTH,
            },
            "federation": {
                "enabled": False,
                "incoming-enabled": False,
                "outgoing-enabled": False,
                "only-trusted-servers": True,
            },
            "previews": {"max-gif-size": MAX_GIF_SIZE},
            "signaling": {"session-ping-limit": SESSION_PING_LIMIT, "hello-v2-token-key": token_key},
        },
        "config-local": LOCAL_CONFIG,
        "version": identity.talk_version,
    }


def _attachments(folder: str) -> Block:
    """Return how a caller can send files: "" stands for not at all."""
    if not folder:
        return {"allowed": False}
    return {"allowed": True, "conversation-subfolders": True, "folder": folder}


def theming(identity: IdentityConfig, base_url: str) -> Block:
    """Return the name and colours that apps use for this server."""
    color = colors.valid(identity.color)
    logo = f"{base_url}/static/logo.svg"
    return {
        "name": identity.name,
        "productName": identity.product_name,
        "url": base_url,
        "slogan": identity.slogan,
        "color": color,
        "color-text": colors.text_on(color),
        "color-element": color,
        "color-element-bright": colors.readable_on(color, "#ffffff"),
        "color-element-dark": colors.readable_on(color, "#171717"),
        "logo": logo,
        "background": color,
        "background-text": colors.text_on(color),
        "background-plain": True,
        "background-default": False,
        "logoheader": logo,
        "favicon": logo,
    }


def notifications() -> Block:
    """Return the block of the notifications API. It offers no push notifications."""
    return {"ocs-endpoints": list(NOTIFICATIONS)}


def provisioning_api(identity: IdentityConfig) -> Block:
    """Return the block of the API that administers accounts."""
    return {
        "version": _short(identity.version),
        "AccountPropertyScopesVersion": 2,
        "AccountPropertyScopesFederatedEnabled": False,
        "AccountPropertyScopesPublishedEnabled": False,
    }


def password_policy(security: SecurityConfig) -> Block:
    """Return the block with the minimum lengths of passwords. It names no operation that checks or generates them."""
    account = security.password_min_length
    policies = {"account": {"minLength": account}, "sharing": {"minLength": security.room_password_min_length}}
    return {"minLength": account, "policies": policies}


def bruteforce() -> Block:
    """Return the block of brute-force protection. The delay is 0: talkd refuses guesses instead of delaying answers."""
    return {"delay": 0, "allow-listed": False}


def _short(four: str) -> str:
    return ".".join(four.split(".")[:3])
