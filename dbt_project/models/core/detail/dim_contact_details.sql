select contact_key, full_name, email, phone
from {{ ref('int_crm__contacts') }}
