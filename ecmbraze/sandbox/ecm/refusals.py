"""Say no as Content Server says it: statuses and texts of api/ecm.md 1.5, in the switched language."""

from __future__ import annotations

from typing import Any

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "authentication": "Authentication Required",
        "login": "Invalid username/password specified",
        "domain": "Domain support is disabled",
        "argument": "Argument {name} is required",
        "unknown_url": "The REST API URL could not be found in the mappings registry",
        "datatype": "Invalid datatype specified for argument '{name}'",
        "minimum": "The value {value} of argument '{name}' is below the minimum of 1",
        "limit": "Invalid limit",
        "query_and_where": "Argument query cannot be combined with where arguments",
        "node": "Could not get a node for {id}",
        "member": "Could not get a member for {id}",
        "sorry": "Sorry, the item you requested could not be accessed. Either it does not exist or you do not have "
        "permission to access it.",
        "exists": "An item with the name '{name}' already exists.",
        "name": "The name '{name}' is not valid",
        "category_exists": "The attribute group '{name}' already exists",
        "category_missing": "The attribute group {id} is not applied to this item",
        "category_key": "Category ID '{id}' was specified for Categories Update, but a non-matching attribute "
        "('{key}') was found",
        "nesting": "Invalid structure of roles.categories at '{key}'",
        "parameters": "Parameters are required for PUT, POST, and PATCH methods",
        "conflict": "Could not update metadata (edit conflict).",
        "too_many": "Too many items specified for parameter 'ids'",
        "required": "The attribute '{name}' requires a value",
        "length": "The value of attribute '{name}' is longer than {max} characters",
        "popup": "The value '{value}' is not valid for attribute '{name}'",
        "languages": "All languages must be supplied for attribute '{name}'",
        "row": "Row {row} of set '{name}' does not exist",
        "missing_file": "Missing required parameter 'file'",
        "action": "Could not process object, invalid action '{name}'",
        "no_types": "No business workspace types are available",
        "no_type": "The business workspace type {id} does not exist",
        "column": "The column '{name}' cannot be used in where_column_query",
        "column_query": "Error evaluating where_column_query",
        "query": "Error Evaluating Query, You have either not specified any search criterion at all, or the query is "
        "not valid",
        "held": "The item '{name}' cannot be changed",
        "forbidden": "Insufficient permissions to perform this action on '{name}'.",
        "read_only": "The attribute '{name}' is read-only",
        "assignee": "Errors getting assignee information.",
        "status": "Invalid status {value}",
        "most": "The attribute '{name}' takes at most {max} values",
        "reserved": "The item '{name}' is reserved by another user",
    },
    "de": {
        "authentication": "Authentifizierung erforderlich",
        "login": "Ungültiger Benutzername oder ungültiges Kennwort",
        "domain": "Die Domänenunterstützung ist deaktiviert",
        "argument": "Das Argument {name} ist erforderlich",
        "unknown_url": "Die REST-API-URL wurde in der Zuordnungsregistrierung nicht gefunden",
        "datatype": "Ungültiger Datentyp für Argument '{name}'",
        "minimum": "Der Wert {value} des Arguments '{name}' liegt unter dem Minimum 1",
        "limit": "Ungültiges Limit",
        "query_and_where": "Das Argument query kann nicht mit where-Argumenten kombiniert werden",
        "node": "Für {id} konnte kein Knoten abgerufen werden",
        "member": "Für {id} konnte kein Mitglied abgerufen werden",
        "sorry": "Auf das angeforderte Objekt konnte nicht zugegriffen werden. Entweder existiert es nicht, oder "
        "Sie haben keine Berechtigung.",
        "exists": "Ein Objekt mit dem Namen '{name}' ist bereits vorhanden.",
        "name": "Der Name '{name}' ist ungültig",
        "category_exists": "Die Attributgruppe '{name}' ist bereits vorhanden",
        "category_missing": "Die Attributgruppe {id} ist diesem Objekt nicht zugewiesen",
        "category_key": "Für die Kategorie '{id}' wurde ein unpassendes Attribut ('{key}') gefunden",
        "nesting": "Ungültige Struktur von roles.categories bei '{key}'",
        "parameters": "Für PUT-, POST- und PATCH-Methoden sind Parameter erforderlich",
        "conflict": "Die Metadaten konnten nicht aktualisiert werden (Bearbeitungskonflikt).",
        "too_many": "Zu viele Elemente für Parameter 'ids'",
        "required": "Das Attribut '{name}' benötigt einen Wert",
        "length": "Der Wert des Attributs '{name}' ist länger als {max} Zeichen",
        "popup": "Der Wert '{value}' ist für das Attribut '{name}' nicht gültig",
        "languages": "Für das Attribut '{name}' müssen alle Sprachen angegeben werden",
        "row": "Zeile {row} des Satzes '{name}' existiert nicht",
        "missing_file": "Der erforderliche Parameter 'file' fehlt",
        "action": "Objekt konnte nicht verarbeitet werden, ungültige Aktion '{name}'",
        "no_types": "Es sind keine Business-Workspace-Typen vorhanden",
        "no_type": "Der Business-Workspace-Typ {id} existiert nicht",
        "column": "Die Spalte '{name}' kann in where_column_query nicht verwendet werden",
        "column_query": "Fehler beim Auswerten von where_column_query",
        "query": "Fehler beim Auswerten der Abfrage, es wurde kein gültiges Suchkriterium angegeben",
        "held": "Das Objekt '{name}' kann nicht geändert werden",
        "forbidden": "Unzureichende Berechtigungen für diese Aktion an '{name}'.",
        "read_only": "Das Attribut '{name}' ist schreibgeschützt",
        "assignee": "Fehler beim Abrufen der Empfängerinformationen.",
        "status": "Ungültiger Status {value}",
        "most": "Das Attribut '{name}' nimmt höchstens {max} Werte auf",
        "reserved": "Das Objekt '{name}' ist von einem anderen Benutzer reserviert",
    },
}


class RefusalError(Exception):
    """One refused request. ``code`` names the text; its parameters fill the placeholders."""

    def __init__(self, status: int, code: str, **parameters: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.parameters = status, code, parameters

    def text(self, language: str) -> str:
        """Return the message in ``language``, English when there is no translation."""
        texts = TEXTS.get(language, TEXTS["en"])
        return texts[self.code].format(**self.parameters)
