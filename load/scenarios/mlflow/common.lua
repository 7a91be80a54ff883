-- What the scenarios of MLflow's API share. Their requests are the same for our server and for MLflow's own.
require "common"

API = "/api/2.0/mlflow/"

-- A model that was there before the scenario began.
function any_model()
    return string.format("model-%05d", any(options.models))
end

-- The parts of a text between its commas.
function parts(text)
    local found = {}
    for part in tostring(text):gmatch("[^,]+") do
        table.insert(found, part)
    end
    return found
end

function post(path, body)
    return wrk.format("POST", API .. path, JSON, body)
end
