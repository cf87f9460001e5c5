"""What the gateway asks of each service."""

from services.gateway.clients.auth import Auth, Client
from services.gateway.clients.checker import Checker
from services.gateway.clients.files import Content, Files
from services.gateway.clients.reports import Reports, Wanted

__all__ = ["Auth", "Checker", "Client", "Content", "Files", "Reports", "Wanted"]
