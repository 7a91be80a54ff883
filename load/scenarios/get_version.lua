-- Gets any version, with its ten properties, by its id.
require "common"

function request()
    return wrk.format("GET", KUBEFLOW .. "/model_versions/" .. options.first_version + any(options.versions))
end
