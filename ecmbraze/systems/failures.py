"""Say what a failed exchange proves: nothing was sent, or the outcome is unknown; sends nothing."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import requests
from requests import exceptions
from urllib3.exceptions import ConnectTimeoutError, DecodeError, NameResolutionError, NewConnectionError

from ecmbraze.systems.exchange import (
    CertificateRefusedError,
    NotSentError,
    OutcomeUnknownError,
    TooLargeError,
    TransportError,
)
from ecmbraze.systems.wire import Trace

# Raised by requests before it opens anything; a header with a line break is one of them.
_LOCAL = (exceptions.InvalidURL, exceptions.InvalidHeader, exceptions.MissingSchema, UnicodeError)
_BEFORE = (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout, ssl.SSLCertVerificationError, *_LOCAL)


def failure_of(error: Exception, trace: Trace, host: str, connect_s: float, timeout_s: float) -> TransportError:
    """Return the failure behind what requests raised.

    *Not sent* needs proof: our own connection saw no byte leave, or none was reached and the cause lies before any.
    The same classes of errors are raised for headers and addresses of an answer. The text never repeats the words of
    the error, which may hold a URL or a header.
    """
    causes = list(_causes(error))
    if not trace.left and (trace.reached or any(isinstance(cause, _BEFORE) for cause in causes)):
        return _not_sent(causes, host, connect_s)
    if isinstance(error, TimeoutError | requests.Timeout) or any(isinstance(cause, TimeoutError) for cause in causes):
        return OutcomeUnknownError(f"no whole answer from {host} within {timeout_s:.0f} s")
    if any(isinstance(cause, OversizedError) for cause in causes):
        return TooLargeError(str(next(cause for cause in causes if isinstance(cause, OversizedError))))
    if any(isinstance(cause, DecodeError) for cause in causes):
        return OutcomeUnknownError(f"the answer of {host} cannot be unpacked")
    return OutcomeUnknownError(f"connection to {host} lost while waiting for the answer")


class OversizedError(OSError):
    """The answer is larger than any of these APIs sends."""


def _not_sent(causes: list[BaseException], host: str, connect_s: float) -> NotSentError:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateRefusedError(
                f"certificate of {host} not valid: {cause.verify_message or 'verification failed'}"
            )
        if isinstance(cause, NameResolutionError | socket.gaierror):
            return NotSentError(f"{host} not reachable (DNS); nothing was sent")
        if isinstance(cause, ConnectionRefusedError):
            return NotSentError(f"{host} not reachable (connection refused); nothing was sent")
        if isinstance(cause, _LOCAL):
            return NotSentError(f"the request to {host} could not be built ({type(cause).__name__}); nothing was sent")
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes):
        return CertificateRefusedError(f"{host} offers no acceptable TLS (1.2 or newer)")
    if any(isinstance(cause, TimeoutError | ConnectTimeoutError | requests.Timeout) for cause in causes):
        return NotSentError(f"no connection to {host} in {connect_s:.0f} s; the request was not sent")
    return NotSentError(f"{host} not reachable; nothing was sent")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies behind it; requests and urllib3 hide the cause in their arguments."""
    seen: set[int] = set()
    stack: list[object] = [error]
    while stack:
        cause = stack.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            stack += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
