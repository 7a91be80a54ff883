-- Creates a version, with two tags, of any model.
require "mlflow/common"

local BODY = [[{"name":"%s","source":"s3://bucket/%s",
"tags":[{"key":"dataset","value":"new-%d"},{"key":"stage","value":"stage-%d"}]}]]

function request()
    return post("model-versions/create", BODY:format(any_model(), fresh("made"):gsub(" ", "-"), any(1000), any(10)))
end
