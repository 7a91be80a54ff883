-- Finds any version by its name in its model.
require "common"

function request()
    local number = any(options.versions)
    local model = options.first_model + math.floor(number / 100)
    local path = KUBEFLOW .. "/model_version?name=%s&parentResourceId=%d"
    return wrk.format("GET", path:format(name_of(number), model))
end
