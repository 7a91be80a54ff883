-- Gets any version of any model.
require "mlflow/common"

function request()
    local query = "?name=%s&version=%d"
    return wrk.format("GET", API .. "model-versions/get" .. query:format(any_model(), 1 + any(options.versions_of_a_model)))
end
