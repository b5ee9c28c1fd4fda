with named as (

    select 'channel' as dimension, coalesce(channel, 'unknown') as dimension_key from {{ ref('dim_deals') }}
    union all
    select 'channel', coalesce(channel, 'unknown') from {{ ref('dim_leads') }}
    union all
    select 'channel', coalesce(channel, 'unknown') from {{ ref('fct_marketing_spend') }}
    union all
    select 'product_line', coalesce(product_line, 'unknown') from {{ ref('dim_deals') }}
    union all
    select 'team', coalesce(team_name, 'unknown') from {{ ref('dim_owners') }}
    union all
    select 'country', coalesce(country, 'unknown') from {{ ref('dim_companies') }}
    union all
    select 'company_size', {{ company_size('employee_count') }} from {{ ref('dim_companies') }}
    union all
    select 'direction', lead_direction from (values ('inbound'), ('outbound'), ('unknown')) as directions (lead_direction)
    union all
    select 'method', method from (values ('email'), ('telephone'), ('meeting')) as methods (method)

)

select distinct dimension, dimension_key
from named
