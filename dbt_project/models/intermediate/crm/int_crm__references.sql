-- What a row of money or time means by the id of a deal, pipeline, owner or campaign: its own source's member. A folder of files may lie beside
-- a CRM that holds them: an id that the folder does not list means the one member of that id in the CRMs, and nobody where two CRMs have it.
with

held as (

    select source_system, account, 'deal' as entity, source_deal_id as source_id, deal_key as entity_key
    from {{ ref('int_crm__deals') }}
    where source_deal_id in (select source_deal_id from {{ ref('int_crm__payments') }})
    union all
    select source_system, account, 'pipeline', source_pipeline_id, {{ stable_key('source_system', 'account', 'source_pipeline_id') }}
    from {{ ref('int_crm__pipelines') }}
    union all
    select source_system, account, 'owner', source_owner_id, owner_key
    from {{ ref('int_crm__owners') }}
    union all
    select source_system, account, 'campaign', source_campaign_id, campaign_key
    from {{ ref('int_crm__campaigns') }}

),

folders as (

    select distinct source_system, account from {{ ref('int_crm__loads') }} where source_system = 'files'

)

select source_system, account, entity, source_id, entity_key
from held
union all
select folder.source_system, folder.account, held.entity, held.source_id, min(held.entity_key)
from held
cross join folders as folder
group by folder.source_system, folder.account, held.entity, held.source_id
having count(*) = 1 and count(*) filter (where held.source_system = 'files') = 0
