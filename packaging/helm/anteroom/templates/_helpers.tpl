{{- define "anteroom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "anteroom.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "anteroom.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "anteroom.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "anteroom.selector" -}}
app.kubernetes.io/name: {{ include "anteroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "anteroom.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "anteroom.selector" . }}
{{- end }}

{{- define "anteroom.account" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "anteroom.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "anteroom.publicUrl" -}}
{{- if .Values.publicUrl }}
{{- .Values.publicUrl }}
{{- else if .Values.ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host }}
{{- end }}
{{- end }}

{{/* A value as the environment has it: numbers without a fraction, lists with commas. */}}
{{- define "anteroom.text" -}}
{{- if kindIs "slice" . }}{{ join "," . }}
{{- else if kindIs "float64" . }}{{ int64 . }}
{{- else }}{{ . }}
{{- end }}
{{- end }}

{{/* One setting from a key of a secret that somebody else made. */}}
{{- define "anteroom.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .from.existingSecret }}
      key: {{ .from.key }}
{{- end }}

{{/* What a cluster cannot do without, said before anything is installed. */}}
{{- define "anteroom.check" -}}
{{- if .Values.cluster.enabled }}
{{- $_ := required "cluster.enabled needs auth.existingSecret: one secret for all nodes" .Values.auth.existingSecret }}
{{- $_ := required "cluster.enabled needs postgres.existingSecret: one database for all nodes" .Values.postgres.existingSecret }}
{{- if or (eq .Values.cluster.bus "redis") (eq .Values.cluster.strategy "redis") }}
{{- $_ := required "cluster.bus or cluster.strategy is redis: name redis.existingSecret" .Values.redis.existingSecret }}
{{- end }}
{{- if eq .Values.cluster.bus "rabbitmq" }}
{{- $_ := required "cluster.bus is rabbitmq: name rabbitmq.existingSecret" .Values.rabbitmq.existingSecret }}
{{- end }}
{{- end }}
{{- end }}
