{# The formulas of every mart, each written once: ratio, Wilson bounds, conversion of an amount, quantile. #}

{# numerator / denominator as double; null, never 0 or infinite, when there is nothing to divide by. #}
{% macro safe_ratio(numerator, denominator) -%}
    case when {{ denominator }} <> 0 then cast({{ numerator }} as double) / cast({{ denominator }} as double) end
{%- endmacro %}

{# One end of the Wilson interval at 95 % (z = 1.96, written out) of a share of counts; null without observations.
   side: -1 = lower bound, 1 = upper bound. #}
{% macro wilson_bound(numerator, denominator, side) -%}
    {%- set z2 = '3.841458820694124' -%}
    {%- set n = 'cast(' ~ denominator ~ ' as double)' -%}
    {%- set x = 'cast(' ~ numerator ~ ' as double)' -%}
    case
        when {{ denominator }} > 0 then least(1.0, greatest(0.0,
            ({{ x }} + {{ z2 }} / 2 {{ '+' if side > 0 else '-' }} 1.959963984540054
                * sqrt({{ x }} * ({{ n }} - {{ x }}) / {{ n }} + {{ z2 }} / 4)) / ({{ n }} + {{ z2 }})))
    end
{%- endmacro %}

{% macro wilson_low(numerator, denominator) -%} {{ wilson_bound(numerator, denominator, -1) }} {%- endmacro %}

{% macro wilson_high(numerator, denominator) -%} {{ wilson_bound(numerator, denominator, 1) }} {%- endmacro %}

{# An amount in cents at an exchange rate, rounded to cents; null when either is missing, never a silent rate of 1. What is in the reporting currency
   already needs no multiplication: with decimals of 38 places it costs as much as a sort. #}
{% macro converted(amount, rate) -%}
    case when {{ rate }} = 1 then cast({{ amount }} as decimal(18, 2)) else cast(round({{ amount }} * {{ rate }}, 2) as decimal(18, 2)) end
{%- endmacro %}

{# An exact quantile by linear interpolation between neighbours; null over nothing. #}
{% macro quantile(expression, share) -%}
    {{ return(adapter.dispatch('quantile')(expression, share)) }}
{%- endmacro %}

{% macro default__quantile(expression, share) -%} quantile_cont({{ expression }}, {{ share }}) {%- endmacro %}

{% macro spark__quantile(expression, share) -%} percentile({{ expression }}, {{ share }}) {%- endmacro %}

{# Several such quantiles as a list, in the order of the shares: they cost little more than one. #}
{% macro quantiles(expression, shares) -%}
    {{ return(adapter.dispatch('quantiles')(expression, shares)) }}
{%- endmacro %}

{% macro default__quantiles(expression, shares) -%} quantile_cont({{ expression }}, [{{ shares | join(', ') }}]) {%- endmacro %}

{% macro spark__quantiles(expression, shares) -%} percentile({{ expression }}, array({{ shares | join(', ') }})) {%- endmacro %}

{# The key of a row of the company or of one of its pipelines: a dimension of mart_metrics__dimension_values. #}
{% macro dimension_key(dimension, pipeline_key) -%}
    case {{ dimension }} when 'all' then 'all' when 'pipeline' then cast({{ pipeline_key }} as varchar) end
{%- endmacro %}
