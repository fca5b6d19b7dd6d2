"""What an API server answers when it does not do as asked: a Status (Kubernetes "API Concepts", meta/v1 Status)."""

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
           406: "NotAcceptable", 409: "Conflict", 410: "Expired", 415: "UnsupportedMediaType", 422: "Invalid",
           429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class Refusal(Exception):
    """code: HTTP's. retry_after: seconds, in the Status and as a header."""

    def __init__(self, code, message, reason=None, retry_after=None, causes=(), continue_token=None):
        super().__init__(f"{code} {message}")
        self.code, self.message, self.retry_after = code, message, retry_after
        self.reason = reason or REASONS.get(code, "Unknown")
        self.causes, self.continue_token = list(causes), continue_token

    def status(self):
        details = {}
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        if self.causes:
            details["causes"] = self.causes
        metadata = {"continue": self.continue_token} if self.continue_token else {}
        return {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
                "message": self.message, "reason": self.reason, "code": self.code,
                **({"details": details} if details else {})}

    def headers(self):
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def not_found(kind, name):
    return Refusal(404, f'{kind.qualified} "{name}" not found')


def conflict(kind, name, why="the object has been modified; please apply your changes to the latest version and try "
                             "again"):
    return Refusal(409, f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}')


def invalid(kind, name, field, why):
    return Refusal(422, f'{kind.kind} "{name}" is invalid: {field}: {why}',
                   causes=[{"reason": "FieldValueInvalid", "message": why, "field": field}])


def expired(message="too old resource version"):
    return Refusal(410, message)


def too_large_version(asked, current):
    """A version that this server has not seen yet (apiserver: NewTooLargeResourceVersionError)."""
    return Refusal(504, f"Too large resource version: {asked}, current: {current}", retry_after=1,
                   causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}])
