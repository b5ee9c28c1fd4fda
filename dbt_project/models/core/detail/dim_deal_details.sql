select deal_key, deal_name
from {{ ref('int_crm__deals') }}
