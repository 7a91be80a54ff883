-- Reads a hundred points of a run's metrics.
require "common"

function request()
    local run = options.first_run + any(options.runs)
    return wrk.format("GET", KUBEFLOW .. "/experiment_runs/" .. run .. "/metric_history?pageSize=100")
end
