-- Creates a version with ten properties in any model.
require "common"

local BODY = [[{"name": "%s", "registeredModelId": "%d", "author": "ada", "customProperties": {
"stage": {"metadataType": "MetadataStringValue", "string_value": "stage-%d"},
"dataset": {"metadataType": "MetadataStringValue", "string_value": "dataset/%d"},
"commit": {"metadataType": "MetadataStringValue", "string_value": "commit-%d"},
"note": {"metadataType": "MetadataStringValue", "string_value": "as trained on host %d"},
"epochs": {"metadataType": "MetadataIntValue", "int_value": "%d"},
"bytes": {"metadataType": "MetadataIntValue", "int_value": "%d"},
"accuracy": {"metadataType": "MetadataDoubleValue", "double_value": %.4f},
"loss": {"metadataType": "MetadataDoubleValue", "double_value": %.3f},
"quantised": {"metadataType": "MetadataBoolValue", "bool_value": true},
"reviewed": {"metadataType": "MetadataBoolValue", "bool_value": false}}}]]

function request()
    local n = any(1000000)
    local body = BODY:format(
        fresh("made"), options.first_model + any(options.models), n % 10, 100000 + n % 50000, 20000000 + n, n % 97, n % 100, n,
        n % 10000 / 10000, n % 1000 / 8
    )
    return wrk.format("POST", KUBEFLOW .. "/model_versions", JSON, body)
end
