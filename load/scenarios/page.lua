-- The hundred versions of any model, each with ten properties.
require "common"

function request()
    local model = options.first_model + any(options.full_models)
    return wrk.format("GET", KUBEFLOW .. "/registered_models/" .. model .. "/versions?pageSize=100")
end
