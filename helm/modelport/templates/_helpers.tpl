{{- define "modelport.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "modelport.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "modelport.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "modelport.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "modelport.selectorLabels" -}}
app.kubernetes.io/name: {{ include "modelport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelport.labels" -}}
{{ include "modelport.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "modelport.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* "true" where the database or the files are on the pod's own volume. */}}
{{- define "modelport.embedded" -}}
{{- $database := or .Values.database.url .Values.database.existingSecret -}}
{{- if not (and $database .Values.artifacts.store) -}}true{{- end }}
{{- end }}

{{/* "true" where the chart keeps a secret of its own. */}}
{{- define "modelport.ownsSecret" -}}
{{- $database := and .Values.database.url (not .Values.database.existingSecret) -}}
{{- $key := and .Values.artifacts.accessKey (not .Values.artifacts.existingSecret) -}}
{{- if or $database $key -}}true{{- end }}
{{- end }}

{{/* The secrets that are mounted: a list of {secret, key, path, variable}. */}}
{{- define "modelport.secrets" -}}
{{- $own := include "modelport.fullname" . -}}
{{- $database := .Values.database -}}
{{- $artifacts := .Values.artifacts -}}
{{- if $database.existingSecret }}
- { secret: {{ $database.existingSecret }}, key: {{ $database.existingSecretKey }}, path: database-url, variable: MODELPORT__DATABASE__URL__FILE }
{{- else if $database.url }}
- { secret: {{ $own }}, key: database-url, path: database-url, variable: MODELPORT__DATABASE__URL__FILE }
{{- end }}
{{- if $artifacts.existingSecret }}
- { secret: {{ $artifacts.existingSecret }}, key: {{ $artifacts.existingSecretAccessKey }}, path: access-key, variable: MODELPORT__ARTIFACTS__ACCESS_KEY__FILE }
- { secret: {{ $artifacts.existingSecret }}, key: {{ $artifacts.existingSecretSecretKey }}, path: secret-key, variable: MODELPORT__ARTIFACTS__SECRET_KEY__FILE }
{{- else if $artifacts.accessKey }}
- { secret: {{ $own }}, key: access-key, path: access-key, variable: MODELPORT__ARTIFACTS__ACCESS_KEY__FILE }
- { secret: {{ $own }}, key: secret-key, path: secret-key, variable: MODELPORT__ARTIFACTS__SECRET_KEY__FILE }
{{- end }}
{{- with .Values.auth.existingSecret }}
{{- with $.Values.auth.existingSecretBootstrapToken }}
- { secret: {{ $.Values.auth.existingSecret }}, key: {{ . }}, path: bootstrap-token, variable: MODELPORT__AUTH__BOOTSTRAP_TOKEN__FILE }
{{- end }}
{{- with $.Values.auth.existingSecretKeys }}
- { secret: {{ $.Values.auth.existingSecret }}, key: {{ . }}, path: auth-keys, variable: MODELPORT__AUTH__KEYS__FILE }
{{- end }}
{{- with $.Values.auth.existingSecretProxySecret }}
- { secret: {{ $.Values.auth.existingSecret }}, key: {{ . }}, path: proxy-secret, variable: MODELPORT__AUTH__PROXY__SECRET__FILE }
{{- end }}
{{- end }}
{{- end }}

{{/* "true" where the pod has a token of the cluster: to find the keys of its service accounts, and to ask about them. */}}
{{- define "modelport.clusterToken" -}}
{{- if eq .Values.auth.mode "on" }}
{{- range .Values.auth.issuers }}
{{- if eq (default "" .kind) "kubernetes" }}true{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The settings by section: what the values come to, and `settings` over it. */}}
{{- define "modelport.settings" -}}
{{- $name := include "modelport.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $name .Release.Namespace -}}
{{- $hosts := concat (list $name $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.%s" $inNamespace .Values.clusterDomain)) .Values.allowedHosts -}}
data:
  dir: /data
server:
  listen: 0.0.0.0:8080
  grpc_listen: {{ ternary "0.0.0.0:9090" "none" .Values.service.grpc.enabled }}
  edge_listen: {{ ternary "0.0.0.0:8111" "none" .Values.service.edge.enabled }}
  allowed_hosts: {{ join "," $hosts | quote }}
  {{- with .Values.publicUrl }}
  public_url: {{ . | quote }}
  {{- end }}
auth:
  mode: {{ .Values.auth.mode | quote }}
  allow_anybody: {{ and .Values.auth.allowAnybody (ne .Values.auth.mode "on") }}
  {{- with .Values.auth.admins }}
  admins:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.auth.issuers }}
  issuers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
database:
  migrate_on_start: {{ .Values.database.migrateOnStart }}
{{- with .Values.artifacts.store }}
artifacts:
  store: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The variables of a section: each value as text, lists joined by commas, tables by their names. Takes {prefix, values}. */}}
{{- define "modelport.variables" -}}
{{- $prefix := .prefix -}}
{{- range $key, $value := .values }}
{{- $name := printf "%s__%s" $prefix (upper $key) }}
{{- if kindIs "map" $value }}
{{- include "modelport.variables" (dict "prefix" $name "values" $value) }}
{{- else if kindIs "slice" $value }}
{{ $name }}: {{ join "," $value | quote }}
{{- else if kindIs "float64" $value }}
{{ $name }}: {{ int64 $value | quote }}
{{- else }}
{{ $name }}: {{ toString $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Fails where values contradict each other. */}}
{{- define "modelport.validate" -}}
{{- $database := .Values.database -}}
{{- $artifacts := .Values.artifacts -}}
{{- if and $database.url $database.existingSecret }}
{{- fail "database: url and existingSecret are both set; the URL is in one of them" }}
{{- end }}
{{- if and $artifacts.existingSecret (or $artifacts.accessKey $artifacts.secretKey) }}
{{- fail "artifacts: existingSecret is set, and accessKey or secretKey too; the key is in one place" }}
{{- end }}
{{- if ne (empty $artifacts.accessKey) (empty $artifacts.secretKey) }}
{{- fail "artifacts: accessKey and secretKey go together" }}
{{- end }}
{{- if and (ne .Values.auth.mode "on") (or .Values.auth.admins .Values.auth.issuers .Values.auth.existingSecret) }}
{{- fail "auth: admins, issuers and existingSecret mean nothing without mode \"on\"" }}
{{- end }}
{{- if and (include "modelport.embedded" .) (gt (int .Values.replicas) 1) }}
{{- fail "replicas: more than one server needs a PostgreSQL (database.url or database.existingSecret) and a bucket (artifacts.store)" }}
{{- end }}
{{- end }}
