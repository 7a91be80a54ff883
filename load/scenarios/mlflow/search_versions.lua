-- Searches for the versions with a tag, of which there are twenty.
require "mlflow/common"

function request()
    local filter = string.format("tags.dataset = 'dataset-%d'", any(options.datasets))
    return wrk.format("GET", API .. "model-versions/search?filter=" .. escape(filter))
end
