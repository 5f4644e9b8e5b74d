"""Mount the views of the control API and list them with one line each; serves nothing else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from ecmbraze.sandbox.ecm.refusals import RefusalError

Route = tuple[str, str, Callable[..., Any]]
_HEAD = "The control API of the ecmbraze sandbox. Bodies and answers are JSON; docs/rehearsal.md shows it at work."
_PARAMETER = re.compile(r"<(?:(?:any\((?P<words>[^)]*)\)|[a-z]+):)?(?P<name>\w+)>")
_OF_FLASK = frozenset({"HEAD", "OPTIONS"})


def mount(where: Flask | Blueprint, routes: Iterable[Route], lock: AbstractContextManager[Any] | None = None) -> None:
    """Serve each view as JSON, holding ``lock``; the first line of its docstring is what the list says of it."""
    for method, path, view in routes:
        where.add_url_rule(path, f"{method} {path}", _as_json(view, lock or nullcontext()), methods=[method])


def finish(app: Flask) -> None:
    """Add the list of all routes, and the answers to what is none of them or goes wrong in one."""
    app.add_url_rule("/", "index", lambda: Response(_listing(app), mimetype="text/plain"))
    app.register_error_handler(ValueError, lambda error: (jsonify(error=str(error)), 400))
    app.register_error_handler(RefusalError, lambda refusal: (jsonify(error=refusal.text("en")), 400))
    app.register_error_handler(HTTPException, lambda error: _no_route(app, error))
    app.register_error_handler(Exception, _bug)


def _as_json(view: Callable[..., Any], lock: AbstractContextManager[Any]) -> Callable[..., Response]:
    @wraps(view)
    def inner(**arguments: Any) -> Response:
        with lock:
            return jsonify(view(**arguments))

    return inner


def _listing(app: Flask) -> str:
    rows = [("GET", "/", "Show this list.")]
    for rule in _rules(app):
        first = (app.view_functions[rule.endpoint].__doc__ or "").strip().splitlines()
        rows += [(method, _shown(rule), first[0] if first else "") for method in _methods(rule)]
    width = max(len(path) for _, path, _ in rows)
    return "\n".join([_HEAD, "", *(f"{method:<7}{path:<{width}}  {line}" for method, path, line in rows), ""])


def _rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in ("index", "static")]


def _methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - _OF_FLASK)


def _shown(rule: Rule) -> str:
    return _PARAMETER.sub(lambda found: (found["words"] or found["name"].upper()).replace(",", "|"), rule.rule)


def _no_route(app: Flask, error: HTTPException) -> tuple[Response, int]:
    code = error.code or 500
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(set(error.valid_methods or ()) - _OF_FLASK))
        return jsonify(error=f"{request.path} takes {allowed}, not {request.method}"), code
    if isinstance(error, NotFound):
        near = difflib.get_close_matches(request.path, [_shown(rule) for rule in _rules(app)], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return jsonify(error=f"there is no {request.path}{hint} GET / lists what there is"), code
    return jsonify(error=error.description), code


def _bug(error: Exception) -> tuple[Response, int]:
    """Say it in one sentence: whoever rehearses cannot do anything with a traceback."""
    return jsonify(error=f"a bug of the sandbox: {type(error).__name__}: {error}"), 500
