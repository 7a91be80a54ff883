-- Gets any of the runs that have fifty metrics, fifty parameters and twenty tags.
require "mlflow/common"

function prepare()
    runs = parts(options.run_ids)
end

function request()
    return wrk.format("GET", API .. "runs/get?run_id=" .. runs[1 + any(#runs)])
end
