-- What comes into the open pipeline and leaves it is what the visits say: a deal's first stay creates, an end closes, a return reopens or restores, and what
-- closes while it was not open has entered first. Asked of the deals of the newest load.
with stays as (

    select
        *,
        lag(stage_kind) over in_order as kind_before,
        lag(exit_kind) over in_order as exit_before,
        lag(pipeline_key) over in_order as pipeline_before
    from {{ ref('fct_deal_stage_visits') }}
    where deal_key in (
        select deal_key from {{ ref('fct_deal_stage_visits') }} where _load_number = (select max(_load_number) from {{ ref('fct_deal_stage_visits') }})
    )
    window in_order as (partition by deal_key order by visit_number)

),

arrivals as (

    select
        *,
        visit_number > 1 and exit_before in ('deleted', 'merged') as is_return,
        visit_number > 1 and exit_before not in ('deleted', 'merged') and kind_before = 'open' as is_move
    from stays
    where visit_number = 1 or stage_kind = 'open' or stage_kind <> kind_before

),

wanted as (

    select deal_key, entered_at as moved_at, case when visit_number = 1 then 'created' when is_return then 'restored' else 'reopened' end as bucket
    from arrivals
    where not is_move
    union all
    select deal_key, entered_at, stage_kind from arrivals where stage_kind <> 'open'
    union all
    select deal_key, exited_at, exit_kind from stays where stage_kind = 'open' and exit_kind in ('deleted', 'merged')
    union all
    select arrivals.deal_key, arrivals.entered_at, sides.side || ' of a pipeline'
    from arrivals
    cross join (values ('moved_in'), ('moved_out')) as sides (side)
    where arrivals.is_move and arrivals.pipeline_before <> arrivals.pipeline_key

),

told as (

    select deal_key, moved_at, bucket || case when is_pipeline_change then ' of a pipeline' else '' end as bucket
    from {{ ref('fct_pipeline_movements') }}
    where
        deal_key in (select deal_key from stays)
        and (is_pipeline_change or bucket not in ('moved_in', 'moved_out', 'increased', 'decreased'))

)

select 'only in the movements' as where_it_stands, *, 'A movement is told that no visit begins or ends with: it is doubled, or stands in the wrong bucket.' as likely_cause
from (select * from told except all select * from wanted)
union all
select 'not in the movements', *, 'A visit begins or ends without its movement: the waterfall will not add up in counts.'
from (select * from wanted except all select * from told)
