"""Give the setting for calls by the SIP bridge the name that it has in Talk."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Rename the setting, unless the setting with Talk's name exists too."""
    op.execute(
        "UPDATE app_config SET key = 'sip_dialout' WHERE app = 'spreed' AND key = 'sip_bridge_dialout' AND NOT EXISTS "
        "(SELECT 1 FROM app_config AS known WHERE known.app = 'spreed' AND known.key = 'sip_dialout')"
    )
