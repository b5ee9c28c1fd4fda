{# Looking along the rows of one deal. A relation that stands in the order of its deals (deal_key, then `order`) is passed through once, row by row, where an
   ordinary window would sort it anew: on DuckDB a window without partition and order does that. Whoever uses these macros reads a relation in
   that order - an ORDER BY just before, or a table written so, which the data test `rows_stand_in_order` guards - with a column
   is_first: the first row of its deal. Elsewhere they are ordinary windows. Where a relation stands in the order of its deals and of a field within
   each, `field` names it, and every deal's every value of it counts as a deal of its own. #}

{# Is the row the first of its deal? #}
{% macro first_of_deal(order, field=none) -%}
    {{ return(adapter.dispatch('first_of_deal')(order, field)) }}
{%- endmacro %}

{% macro default__first_of_deal(order, field) -%}
    lag(deal_key) over () is distinct from deal_key{% if field %} or lag({{ field }}) over () is distinct from {{ field }}{% endif %}
{%- endmacro %}

{% macro spark__first_of_deal(order, field) -%}
    row_number() over (partition by deal_key{% if field %}, {{ field }}{% endif %} order by {{ order }}) = 1
{%- endmacro %}

{# The expression in the row before, null in the first row of a deal. #}
{% macro row_before(expression, order, field=none) -%}
    {{ return(adapter.dispatch('row_before')(expression, order, field)) }}
{%- endmacro %}

{% macro default__row_before(expression, order, field) -%}
    case when not is_first then lag({{ expression }}) over () end
{%- endmacro %}

{% macro spark__row_before(expression, order, field) -%}
    lag({{ expression }}) over (partition by deal_key{% if field %}, {{ field }}{% endif %} order by {{ order }})
{%- endmacro %}

{# The expression in the row after, null in the last row of a deal. #}
{% macro row_after(expression, order) -%}
    {{ return(adapter.dispatch('row_after')(expression, order)) }}
{%- endmacro %}

{% macro default__row_after(expression, order) -%}
    case when not lead(is_first, 1, true) over () then lead({{ expression }}) over () end
{%- endmacro %}

{% macro spark__row_after(expression, order) -%}
    lead({{ expression }}) over (partition by deal_key order by {{ order }})
{%- endmacro %}

{# The newest value of an expression up to and including the row, nulls stepped over. On DuckDB it would carry over from the deal before: the
   expression must not be null in the first row of a deal. And one to a SELECT: of two in one SELECT, DuckDB 1.5 gets the first wrong (the unit test
   steps_of_every_kind would show it). #}
{% macro newest_so_far(expression, order, field=none) -%}
    {{ return(adapter.dispatch('newest_so_far')(expression, order, field)) }}
{%- endmacro %}

{% macro default__newest_so_far(expression, order, field) -%}
    last_value({{ expression }} ignore nulls) over (rows between unbounded preceding and current row)
{%- endmacro %}

{% macro spark__newest_so_far(expression, order, field) -%}
    last_value({{ expression }}) ignore nulls over (
        partition by deal_key{% if field %}, {{ field }}{% endif %} order by {{ order }} rows between unbounded preceding and current row
    )
{%- endmacro %}

{# Position of the row among those of its deal, from 1, in two steps: a number for every row, then less that of the deal's first. #}
{% macro stream_number(order) -%}
    {{ return(adapter.dispatch('stream_number')(order)) }}
{%- endmacro %}

{% macro default__stream_number(order) -%}
    row_number() over ()
{%- endmacro %}

{% macro spark__stream_number(order) -%}
    row_number() over (partition by deal_key order by {{ order }})
{%- endmacro %}

{% macro number_in_deal() -%}
    {{ return(adapter.dispatch('number_in_deal')()) }}
{%- endmacro %}

{% macro default__number_in_deal() -%}
    stream_number + 1 - last_value(case when is_first then stream_number end ignore nulls) over (rows between unbounded preceding and current row)
{%- endmacro %}

{% macro spark__number_in_deal() -%}
    stream_number
{%- endmacro %}

{# The values of a group as one text, in an order, with an arrow between them. An ordered string_agg would cost DuckDB twice as much. #}
{% macro listed_in_order(value, order) -%}
    {{ return(adapter.dispatch('listed_in_order')(value, order)) }}
{%- endmacro %}

{% macro default__listed_in_order(value, order) -%}
    array_to_string(list_transform(list_sort(list(struct_pack(place := {{ order }}, word := {{ value }}))), lambda each: each.word), ' > ')
{%- endmacro %}

{% macro spark__listed_in_order(value, order) -%}
    array_join(transform(array_sort(collect_list(named_struct('place', {{ order }}, 'word', {{ value }}))), each -> each.word), ' > ')
{%- endmacro %}
