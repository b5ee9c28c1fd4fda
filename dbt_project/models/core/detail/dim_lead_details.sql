select lead_key, lead_name
from {{ ref('int_crm__leads') }}
