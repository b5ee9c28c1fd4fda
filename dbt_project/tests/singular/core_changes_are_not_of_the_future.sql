{{ config(severity='warn') }}
-- Changes dated after the day of the as-of: by a clock that is fast, or from a source that is ahead of one that lags. Boards, the daily pipeline and the
-- waterfall hold them on the as-of's day; what counts events (conversion, closes, visits) waits until their day has come.
select
    change.deal_key as guilty_key, change.field, change.new_value, change.changed_at, change.change_source,
    'This change is dated later than the day the warehouse reaches: a clock of the source is fast, or another source lags days behind.' as likely_cause
from {{ ref('fct_deal_changes') }} as change
where
    change.retracted_at is null
    and {{ reporting_date('change.changed_at') }}
        > (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    -- a plan is of the future by nature
    and change.field <> 'expected_close'
