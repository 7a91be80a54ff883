-- Logs a hundred metrics at the next step of the one run that everybody logs to.
require "mlflow/log_metrics"
