"""What schemathesis has to know beyond the documents: the rules that OpenAPI has no words for.

A valid request may be refused, and only then, with one of these messages. Anything else that is refused fails the run.
"""

import re

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

# What a refusal says, and why the document cannot.
RULES = {
    r"^either name (with parentResourceId, )?or externalId must be given": "one of several parameters is required",
    r"^(filter(Query)?|orderBy) at character \d+: ": "a text in a language of its own",
    r"^(filter(Query)?|orderBy) has \d+ bytes, more than": "a length in bytes, which is not that in characters",
    r"^`toStep` -?\d+ is before `fromStep`": "compares two members",
    r"^\d+ metrics of \d+ runs with \d+ points each are": "a product of three members",
    r"^page token .* is broken": "a token is the server's to make",
    r"^page token belongs to another query": "depends on the query that the token came from",
    r"^artifact `\d+` is a `[a-z-]+`, not a `[a-z-]+`": "depends on the artifact that is there",
    r"`.*` is not (a rule|the weight of a finding|one of `allow`|the name of a format)": "names of the server's, which grow with it",
    r"more than the limit of \d+$": "depends on the policy of the model",
    r"^file `.*` is refused: ": "depends on the policy of the model, and on the bytes",
    r"^the value of `[a-z0-9]+` is not text in base64$": "base64 inside of a list inside of a header",
    r"^`Upload-Metadata` ": "a list inside of a header",
    r"^`Upload-Checksum` ": "a name and base64 inside of a header",
    r"is not one of `[a-z0-9,]+` and a checksum in base64$": "a name and base64 inside of a header",
    r"^POST here needs `X-HTTP-Method-Override": "an optional header may be null in the document",
    r" contains a NUL character$": "the one character that no text has, which a pattern would have to say at each",
    r"^file path ": "a path without `..`, and at most so many bytes long",
    r"is not a list of digests: `": "a structured field, RFC 9530",
    r"^`Upload-Length` is missing$": "required of each upload but the concatenation of others",
    r"^only `If-None-Match: \*` is supported here": "an optional header may be null in the document, which is a word on the wire",
    r"^only `If-Match: \*` is supported for several": "an optional header may be null in the document, which is a word on the wire",
    r"^a folder is stored as an archive, with `unpack=true`$": "the one value that the parameter can have",
    r"^the (zip|tar|gzip) ": "bytes that have to be an archive",
    r"^custom property `.*` is null or beyond 64 bits": "any JSON but null, and numbers of either kind in their own bounds",
    r"^an? [a-z ]+ has no property `": "depends on the type of the entity that has the properties",
    r"^property name of \d+ bytes is longer than": "a length in bytes, which is not that in characters",
    r"`struct_value` that is not base64 of JSON": "JSON inside of a text",
    r"^the run ends at `-?\d+`, before it starts at `-?\d+`": "compares two members, or one with what is there",
    r"^`modelVersionId`: model version `\d+` is of registered model `\d+`": "depends on the model that the version is of",
    r"^(action|format|rule|type) `.*` is none of ": "names of the server's, which grow with it",
    r"^a version of a prompt is copied to a prompt": "depends on the models that are there",
    r"^`expiresAt` is (not in the future|later than a token may end here)": "compares with what time it is",
    r"has one of `principal`, `group` and `all`$": "one of several members",
    r"^there is one of `principal`, `group` and `all` at most$": "one of several parameters",
    r"^there is a workspace or a root, and not both$": "one of several members or parameters",
    r"^scope `registry` is not `registry`, or there is": "one of several parameters",
    r"^`group` goes with `principal`": "a parameter that needs another",
    r"^`(after|before)` goes with `order=": "a parameter that needs another",
    r"^`actor`, .* go with `order=desc`$": "parameters that need another",
    r"^alias `.*` is (not 1 to 255 letters|reserved)": "letters of any script, after an `@`",
    r"^node `\d+` is a .*; versions and runs are compared$": "depends on the nodes that are there",
    r"^nodes `\d+` and `\d+` are a version and a run": "depends on the nodes that are there",
    r"^a token has `role` or `permissions`, and not both$": "one of several members",
    r"^role `(admin|auditor)` cannot be bound to everyone": "depends on another member",
    r"can allow it in `egress.allow`$": "depends on the settings",
    r"^no address of `.*` is known$": "depends on the network",
    r"` is not a URL: |` is not the scheme of a URL|^a URL (has|names) ": "what makes a URL, of which the document says the format alone",
    r"^a metric needs a `value`": "upstream's document, whose required members these are, leaves it out",
}


@schemathesis.serializer("application/offset+octet-stream", "application/zip", "application/x-tar", "application/gzip")
def plain_bytes(context, value) -> bytes:
    """The bytes of a resumable upload, or of something that should be an archive."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    """Whether the failure stands."""
    if isinstance(failure, RejectedPositiveData) and response.status_code in (400, 405, 413):
        message = response.json().get("message") or response.json().get("detail")
        return not any(re.search(rule, message) for rule in RULES)
    if isinstance(failure, EnsureResourceAvailability):
        # What is missing may be another resource, which the body names.
        missing = re.search(r"`(\d+)` not found$", response.json().get("message", ""))
        body = case.body if isinstance(case.body, dict) else {}
        return not (missing and missing[1] in {str(value) for value in body.values()})
    if isinstance(failure, AcceptedNegativeData):
        # Either path takes a metric's step as the other one writes it; what is answered has one type. In an address a number is a
        # text: the id of a principal.
        known = ("body - step: Incorrect type", "principal: Incorrect type")
        return not any(each in failure.message for each in known)
    return True
