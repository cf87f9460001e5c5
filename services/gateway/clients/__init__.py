"""What the gateway asks of each service."""

from services.gateway.clients.auth import Auth
from services.gateway.clients.checker import Checker
from services.gateway.clients.files import Content, Files
from services.gateway.clients.reports import Reports

__all__ = ["Auth", "Checker", "Content", "Files", "Reports"]
