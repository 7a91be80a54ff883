-- Searches an experiment for runs whose metric is above one of fifty bounds: for half of them, or a hundredth.
require "mlflow/common"

local BODY = '{"experiment_ids":["%d"],"filter":"metrics.accuracy > 0.%02d","max_results":%d}'

function request()
    return post("runs/search", BODY:format(options.experiment, 50 + any(50), options.page))
end
