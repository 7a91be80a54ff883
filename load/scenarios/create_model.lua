-- Creates a registered model.
require "common"

function request()
    return wrk.format("POST", KUBEFLOW .. "/registered_models", JSON, '{"name": "' .. fresh("made") .. '", "owner": "ada"}')
end
