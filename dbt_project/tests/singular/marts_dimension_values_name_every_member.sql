-- Every member of a dimension has one name, the members of a dimension have different names, and the name begins with the member's own.
with members as (

    select 'all' as dimension, 'all' as dimension_key, 'all' as member_name
    union all
    select 'pipeline', cast(pipeline_key as varchar), pipeline_name from {{ ref('dim_pipelines') }}
    union all
    select 'owner', cast(owner_key as varchar), owner_name from {{ ref('dim_owners') }}
    union all
    select distinct 'channel', coalesce(channel, 'unknown'), coalesce(channel, 'unknown')
    from (
        select channel from {{ ref('dim_deals') }} union all select channel from {{ ref('dim_leads') }}
        union all select channel from {{ ref('fct_marketing_spend') }}
    ) as channels
    union all
    select distinct 'product_line', coalesce(product_line, 'unknown'), coalesce(product_line, 'unknown') from {{ ref('dim_deals') }}
    union all
    select distinct 'team', coalesce(team_name, 'unknown'), coalesce(team_name, 'unknown') from {{ ref('dim_owners') }}
    union all
    select distinct 'country', coalesce(country, 'unknown'), coalesce(country, 'unknown') from {{ ref('dim_companies') }}
    union all
    select distinct 'company_size', size, size
    from (
        select case
            when employee_count >= 250 then '250+' when employee_count >= 50 then '50-249' when employee_count >= 10 then '10-49'
            when employee_count < 10 then '1-9' else 'unknown' end as size
        from {{ ref('dim_companies') }}
    ) as sizes
    union all
    select words.dimension, words.member_name, words.member_name
    from (values
        ('direction', 'inbound'), ('direction', 'outbound'), ('direction', 'unknown'), ('method', 'email'), ('method', 'telephone'), ('method', 'meeting')
    ) as words (dimension, member_name)
    union all
    select 'stage', cast(stages.stage_key as varchar), stages.pipeline_name || ': ' || stages.stage_name from {{ ref('mart_sales__stages') }} as stages

),

counted as (

    select members.*, count(*) over (partition by members.dimension, members.member_name) as namesakes from members

)

select
    coalesce(counted.dimension, named.dimension) as dimension,
    coalesce(counted.dimension_key, named.dimension_key) as dimension_key,
    named.dimension_value, counted.member_name,
    'A member of a dimension has no name, several, or another''s: look at mart_metrics__dimension_values.' as likely_cause
from counted
full join {{ ref('mart_metrics__dimension_values') }} as named
    on named.dimension = counted.dimension and named.dimension_key = counted.dimension_key
where
    named.dimension_value is null
    or counted.member_name is null
    or (counted.namesakes = 1 and named.dimension_value <> counted.member_name)
    or (counted.namesakes > 1 and not (named.dimension_value like counted.member_name || ' (_% %_)'))
union all
select dimension, min(dimension_key), dimension_value, null, 'Two members of one name were not told apart, or one stands twice.'
from {{ ref('mart_metrics__dimension_values') }}
group by dimension, dimension_value
having count(*) > 1
