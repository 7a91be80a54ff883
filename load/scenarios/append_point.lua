-- Appends a point to the metric of any run.
require "common"

function request()
    serial = serial + 1
    local run = options.first_run + any(options.runs)
    local body = '{"artifactType": "metric", "name": "loss", "value": %.6f, "step": %d}'
    return wrk.format("POST", KUBEFLOW .. "/experiment_runs/" .. run .. "/artifacts", JSON, body:format(1 / serial, serial))
end
