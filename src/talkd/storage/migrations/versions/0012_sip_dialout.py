"""The setting that lets the bridge call people has the name that Talk gives it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Rename the setting, unless Talk's name was set as well."""
    op.execute(
        "UPDATE app_config SET key = 'sip_dialout' WHERE app = 'spreed' AND key = 'sip_bridge_dialout' AND NOT EXISTS "
        "(SELECT 1 FROM app_config AS known WHERE known.app = 'spreed' AND known.key = 'sip_dialout')"
    )
