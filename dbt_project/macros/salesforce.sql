{# What stands for the record type of an opportunity that has none. #}
{% macro master_record_type() -%}'012000000000000AAA'{%- endmacro %}
