-- Creates a registered model.
require "mlflow/common"

function request()
    local body = '{"name":"%s","description":"as trained","tags":[{"key":"team","value":"team-%d"}]}'
    return post("registered-models/create", body:format(fresh("made"), any(20)))
end
