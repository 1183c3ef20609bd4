{{- define "shop-operator.selector" -}}
app.kubernetes.io/name: shop-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not managed-by: shop-operator: that label marks what the operator makes. */}}
{{- define "shop-operator.labels" -}}
{{ include "shop-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Objects without namespace: one for each release. */}}
{{- define "shop-operator.global" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end }}
