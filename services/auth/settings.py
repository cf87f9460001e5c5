"""Settings of auth."""

from pydantic import Field, SecretStr

from shared.settings import StatefulSettings


class Settings(StatefulSettings):
    """Beyond what every service has."""

    password_pepper: SecretStr = Field(description="secret mixed into every password hash")
    bcrypt_cost: int = Field(12, ge=4, le=16, description="each step doubles the time of a login")
    session_days: int = Field(30, ge=1, le=36_500, description="days until an unused session ends")
    session_max_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="days until a session ends, used or not; 0 = never",
    )
    failed_logins_per_ip_address: int = Field(
        100, ge=1, le=1_000_000, description="failed logins in 15 minutes from one IP address"
    )
    registrations_per_ip_address: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="registrations and forgotten passwords in an hour from one IP address",
    )
